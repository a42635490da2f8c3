//! From settings to a listening server, and its end.

mod activity;
mod connections;
#[cfg(any(test, feature = "fuzzing"))]
pub(crate) mod fuzzing;
mod host;
mod house;
mod observed;
#[cfg(test)]
mod tests;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{Signal, SignalKind, signal};

use crate::app::App;
use crate::base::clock::SystemClock;
use crate::base::lifecycle::{DRAIN, Lifecycle};
use crate::base::random::SystemRandom;
use crate::config::Settings;
use crate::http::admin;
use crate::http::router::router;

/// The server could not start, or not go on.
const EXIT_FAILED: u8 = 1;

/// Serves until a signal ends it; returns the exit code.
///
/// One thread: an instance has one CPU, where a second worker thread costs 1.4 to 1.6 times the CPU.
pub fn block_on(settings: Settings) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            tracing::error!("the runtime could not start: {error}");
            return ExitCode::from(EXIT_FAILED);
        }
    };
    match runtime.block_on(serve(settings)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(sentence) => {
            tracing::error!("{sentence}");
            ExitCode::from(EXIT_FAILED)
        }
    }
}

async fn serve(settings: Settings) -> Result<(), String> {
    let listen = settings.listen;
    let mut signals = Signals::install();
    let app = App::build(settings, Arc::new(SystemClock), Arc::new(SystemRandom))
        .map_err(|_| "no HTTP client: the system's CA certificates were not found".to_owned())?;
    if app.settings.enabled {
        tokio::select! {
            checked = app.standing.open_within(app.settings.license_wait) => checked.map_err(|error| error.to_string())?,
            () = signals.next() => {
                tracing::info!("stopped before there was anything to serve");
                return Ok(());
            }
        }
    } else {
        tracing::warn!("switched off by VALIDIBOT_MCP_ENABLED: every tool answers SERVICE_UNAVAILABLE");
    }
    let listener =
        TcpListener::bind(listen).await.map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    let address = listener.local_addr().map_err(|error| format!("cannot listen on {listen}: {error}"))?;
    tracing::info!(address = %address, "listening");

    if let Some(admin) = app.settings.admin {
        let listener =
            TcpListener::bind(admin).await.map_err(|error| format!("cannot listen on {admin}: {error}"))?;
        let address = listener.local_addr().map_err(|error| format!("cannot listen on {admin}: {error}"))?;
        tracing::info!(address = %address, "metrics");
        // It goes down with the process: the last readings of a stopping instance are of interest.
        tokio::spawn(connections::serve(listener, admin::routes(&app), std::future::pending()));
    }
    let stop = app.lifecycle.stopping_for(Duration::ZERO);
    tokio::select! {
        () = connections::serve(listener, router(&app), stop) => {}
        () = signals.twice(&app.lifecycle) => tracing::warn!("stopped at once by a second signal"),
        () = app.lifecycle.stopping_for(DRAIN) => tracing::warn!("stopped with calls still under way"),
    }
    Ok(())
}

/// SIGTERM and SIGINT, from the first moment: as a container's first process we would not even be ended by one that
/// nobody handles.
struct Signals(Option<(Signal, Signal)>);

impl Signals {
    /// Without handlers, which is hardly possible, the signals end the process by themselves.
    fn install() -> Self {
        Self(signal(SignalKind::terminate()).ok().zip(signal(SignalKind::interrupt()).ok()))
    }

    /// The next one.
    async fn next(&mut self) {
        let Some((term, int)) = &mut self.0 else { return std::future::pending().await };
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
    }

    /// The first one begins the end; this is done with the second.
    async fn twice(&mut self, lifecycle: &Lifecycle) {
        self.next().await;
        tracing::info!("stopping: no new connections, calls under way may finish");
        lifecycle.stop();
        self.next().await;
    }
}
