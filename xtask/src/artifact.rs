//! What is built: the server's program, its image and its bill of materials.

pub mod image;
pub mod program;
pub mod reference;
pub mod sbom;
