//! Client metadata documents: what is fetched, and what is refused.
