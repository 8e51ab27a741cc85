//! GitHub's emulator, which holds state.
