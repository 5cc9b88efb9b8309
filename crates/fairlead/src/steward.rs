//! The control loops, wired: decisions of the engine, acknowledgements of the planes and evidence of the host go in.

use api::Decided;
use node::Evidence;
use tokio::sync::mpsc;

/// Takes in what there is until the server ends.
pub async fn run(_client: kube::Client, mut decisions: mpsc::UnboundedReceiver<Vec<Decided>>, mut evidence: mpsc::Receiver<Evidence>) {
    loop {
        tokio::select! {
            Some(_) = decisions.recv() => {}
            Some(_) = evidence.recv() => {}
            else => return,
        }
    }
}
