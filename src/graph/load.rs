//! load
#[derive(Debug)]
/// x
pub struct GraphError;
