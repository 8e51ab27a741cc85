//! SQL over a snapshot.
