//! SIGINT and SIGTERM: while systems are read the first one asks the run to stop, and the next one ends the process at once.
//! Afterwards the first one does: what is committed stays, and half an output is no output.

use std::io::{self, Write as _};
use std::sync::{Arc, OnceLock};
use std::thread;

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::outcome::Exit;

/// Who listens to signals for the rest of the process.
#[derive(Debug, Clone)]
pub struct Interrupt {
    stop: CancellationToken,
    /// The last line when a signal ends the process at once.
    farewell: Arc<OnceLock<String>>,
}

impl Interrupt {
    /// Listens from now on, in a thread of its own, so that nothing that keeps the others busy delays it.
    ///
    /// # Errors
    /// The process may not listen to signals.
    pub fn listen() -> io::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_io().build()?;
        let (mut interrupt, mut terminate) = {
            let _inside = runtime.enter();
            (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?)
        };
        let listening = Self { stop: CancellationToken::new(), farewell: Arc::default() };
        let told = listening.clone();
        thread::Builder::new().name("signals".to_owned()).spawn(move || {
            runtime.block_on(async {
                loop {
                    tokio::select! {
                        _ = interrupt.recv() => {}
                        _ = terminate.recv() => {}
                    }
                    told.signalled();
                }
            });
        })?;
        Ok(listening)
    }

    /// A token that the first signal cancels.
    pub fn stop(&self) -> CancellationToken {
        self.stop.clone()
    }

    /// Nothing is left that would have to be stopped in order: from here on a signal ends the process with this last line.
    pub fn ends_with(&self, farewell: String) {
        // Only the first farewell counts; there is one for each command.
        let _ = self.farewell.set(farewell);
        if self.stop.is_cancelled() {
            // The signal came too late to stop the reading.
            self.leave_with_farewell();
        }
    }

    fn signalled(&self) {
        self.leave_with_farewell();
        if self.stop.is_cancelled() {
            leave();
        }
        self.stop.cancel();
    }

    /// Ends the process if there is a farewell.
    fn leave_with_farewell(&self) {
        if let Some(farewell) = self.farewell.get() {
            let _ = writeln!(io::stderr().lock(), "muster: exit {}: {farewell}", Exit::Interrupted.code());
            leave();
        }
    }
}

#[expect(clippy::exit, reason = "nobody who asks for it wants to wait for anything")]
fn leave() -> ! {
    std::process::exit(Exit::Interrupted.code().into())
}
