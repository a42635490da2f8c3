//! The attack, in a thread of its own: what it takes of this process's time is not the members'.

use std::sync::Arc;

use suite::hostile::{Attack, Strength, Target};
use tokio::sync::oneshot;

/// The strangers, until they are dropped.
pub(super) struct Strangers {
    /// Dropped, it ends the thread.
    _stay: oneshot::Sender<()>,
}

impl Strangers {
    /// Returns when all of it is under way.
    pub(super) async fn begin(base: &str, strength: Strength) -> Result<Self, String> {
        let target: Target = {
            let base = base.to_owned();
            Arc::new(move || base.clone())
        };
        let (stay, ended) = oneshot::channel::<()>();
        let (tell, begun) = oneshot::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| error.to_string())?;
        std::thread::spawn(move || {
            runtime.block_on(async {
                let attack = Attack::begin(&target, strength).await;
                let _ = tell.send(());
                // Nothing is ever sent.
                let _ = ended.await;
                drop(attack);
            });
        });
        begun.await.map_err(|_| "the attack did not begin".to_owned())?;
        Ok(Self { _stay: stay })
    }
}
