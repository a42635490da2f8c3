//! From settings to a listening server, and its end.

mod connections;

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::app::App;
use crate::clock::SystemClock;
use crate::config::Settings;
use crate::lifecycle::{DRAIN, Lifecycle};
use crate::random::SystemRandom;
use crate::router::router;
use crate::telemetry::metrics;

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
    let app = App::build(settings, Arc::new(SystemClock), Arc::new(SystemRandom))
        .map_err(|_| "no HTTP client: the system's CA certificates were not found".to_owned())?;
    if app.settings.enabled {
        app.license.check().await.map_err(|error| error.to_string())?;
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
        tokio::spawn(connections::serve(listener, metrics::routes(&app), std::future::pending()));
    }
    let stop = app.lifecycle.stopping_for(Duration::ZERO);
    tokio::select! {
        () = connections::serve(listener, router(&app), stop) => {}
        () = signalled_twice(&app.lifecycle) => tracing::warn!("stopped at once by a second signal"),
        () = app.lifecycle.stopping_for(DRAIN) => tracing::warn!("stopped with calls still under way"),
    }
    Ok(())
}

/// The first SIGTERM or SIGINT begins the end; this is done with the second.
async fn signalled_twice(lifecycle: &Lifecycle) {
    let (Ok(mut term), Ok(mut int)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        // Without handlers the signals end the process by themselves.
        return std::future::pending().await;
    };
    for first in [true, false] {
        tokio::select! {
            _ = term.recv() => {}
            _ = int.recv() => {}
        }
        if first {
            tracing::info!("stopping: no new connections, calls under way may finish");
            lifecycle.stop();
        }
    }
}
