//! What is built: the server's program, its image and its bill of materials.

mod cargo;
pub mod image;
pub mod program;
pub mod reference;
pub mod sbom;
