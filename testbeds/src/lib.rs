//! Machinery shared by tests, benches and examples: the example estate and generated bulk.
//!
//! Nothing here is part of the product.

pub mod bulk;
pub mod estate;
