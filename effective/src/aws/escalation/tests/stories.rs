//! What happens between several of them, told by hand.
