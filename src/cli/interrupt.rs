//! SIGINT and SIGTERM: the first one asks the run to stop, the second one ends the process at once.

use std::io;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::outcome::Exit;

/// A token that the first signal cancels. Must be called inside a tokio runtime.
///
/// # Errors
/// The process may not listen to signals.
pub fn listen() -> io::Result<CancellationToken> {
    let token = CancellationToken::new();
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    let cancel = token.clone();
    tokio::spawn(async move {
        loop {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if cancel.is_cancelled() {
                leave();
            }
            cancel.cancel();
        }
    });
    Ok(token)
}

#[expect(clippy::exit, reason = "whoever asks twice does not want to wait for anything")]
fn leave() -> ! {
    std::process::exit(Exit::Interrupted.code().into())
}
