//! The Jupyter side: five sockets, and who answers what.
//!
//! ```text
//!  shell   ─► execute ─► queue ─► evaluator thread (owns the session) ─► iopub
//!         └─► everything else, answered at once, also while a cell runs
//!  control ─► interrupt, shutdown
//!  stdin, heartbeat
//! ```
//! Each socket has its own task, and the evaluator its own thread, so a running cell holds up nothing but other cells.

mod evaluator;
mod messages;
mod requests;
mod tables;

use std::path::Path;
use std::sync::Arc;

use jupyter_protocol::{ConnectionInfo, JupyterMessage, JupyterMessageContent};
use tokio::sync::mpsc;

use crate::analysis::Analyst;
use crate::installation::Installation;
use crate::session;
use evaluator::{Evaluator, Job};
use messages::{Iopub, child, status};
use requests::Requests;

/// Messages that may wait for iopub before whoever shows things has to wait too.
const IOPUB_QUEUE: usize = 256;

/// Serves one client of a connection file until it asks for a shutdown.
///
/// # Errors
/// A sentence about what keeps the kernel from starting.
pub fn serve(connection_file: &Path, installation: Installation) -> Result<(), String> {
    let text = std::fs::read_to_string(connection_file)
        .map_err(|error| format!("cannot read the connection file {}: {error}", connection_file.display()))?;
    let connection: ConnectionInfo = serde_json::from_str(&text)
        .map_err(|error| format!("{} is not a connection file: {error}", connection_file.display()))?;
    let folder = session::session_folder()?;
    // Before any thread is started, tokio's among them.
    session::prepare_environment(&installation, folder.path())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start threads: {error}"))?;
    let outcome = runtime.block_on(run(connection, installation, folder));
    // The evaluator may be in the middle of a cell; nobody waits for it any more.
    runtime.shutdown_background();
    outcome
}

async fn run(connection: ConnectionInfo, installation: Installation, folder: tempfile::TempDir) -> Result<(), String> {
    let failed = |what: &'static str| move |error| format!("cannot open the {what} socket: {error}");
    let session_id = uuid::Uuid::new_v4().to_string();
    let mut heartbeat =
        runtimelib::create_kernel_heartbeat_connection(&connection).await.map_err(failed("heartbeat"))?;
    let shell = runtimelib::create_kernel_shell_connection(&connection, &session_id).await.map_err(failed("shell"))?;
    let control =
        runtimelib::create_kernel_control_connection(&connection, &session_id).await.map_err(failed("control"))?;
    let mut iopub =
        runtimelib::create_kernel_iopub_connection(&connection, &session_id).await.map_err(failed("iopub"))?;
    // Held open: clients connect to it even if nothing is ever asked.
    let _stdin = runtimelib::create_kernel_stdin_connection(&connection, &session_id).await.map_err(failed("stdin"))?;

    tokio::spawn(async move {
        loop {
            // A client that leaves is an error of the socket, but no reason to stop answering others.
            if heartbeat.single_heartbeat().await.is_err() {
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
        }
    });
    let (to_iopub, mut from_all) = mpsc::channel::<JupyterMessage>(IOPUB_QUEUE);
    tokio::spawn(async move {
        while let Some(message) = from_all.recv().await {
            if let Err(error) = iopub.send(message).await {
                eprintln!("taskloom: iopub: {error}");
            }
        }
    });
    let (mut shell_send, mut shell_receive) = shell.split();
    let (to_shell, mut replies) = mpsc::unbounded_channel::<JupyterMessage>();
    tokio::spawn(async move {
        while let Some(message) = replies.recv().await {
            if let Err(error) = shell_send.send(message).await {
                eprintln!("taskloom: shell: {error}");
            }
        }
    });

    let iopub = Iopub::new(to_iopub);
    let analyst = Analyst::new(&installation, session::restore_environment);
    let course = installation.course.clone();
    let (evaluator, jobs) = Evaluator::spawn(installation, folder, iopub.clone(), to_shell.clone())?;
    let requests = Arc::new(Requests::new(Arc::clone(&evaluator), analyst, course));

    let shell_requests = Arc::clone(&requests);
    let (shell_iopub, shell_jobs, shell_replies) = (iopub.clone(), jobs.clone(), to_shell);
    let shell_loop = async move {
        loop {
            let request = match shell_receive.read().await {
                Ok(request) => request,
                Err(error) => {
                    // A message that is damaged or wrongly signed is dropped; the next one may be fine.
                    eprintln!("taskloom: a message on shell was dropped: {error}");
                    tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                    continue;
                }
            };
            if matches!(request.content, JupyterMessageContent::ExecuteRequest(_)) {
                if shell_jobs.send(Job::Execute(Box::new(request))).is_err() {
                    return;
                }
                continue;
            }
            let (requests, iopub, replies) = (Arc::clone(&shell_requests), shell_iopub.clone(), shell_replies.clone());
            tokio::spawn(async move {
                iopub.send(status(&request, "busy")).await;
                if let Some(reply) = requests.answer(&request).await {
                    let _ = replies.send(reply);
                }
                iopub.send(status(&request, "idle")).await;
                // Front ends take any status for the kernel's; the cell that runs is what they should show.
                if let Some(running) = requests.running() {
                    iopub.send(status(&running, "busy")).await;
                }
            });
        }
    };
    tokio::spawn(shell_loop);

    let (mut control_send, mut control_receive) = control.split();
    let mut orphaned = std::pin::pin!(orphaned());
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())
        .map_err(|error| format!("cannot listen to signals: {error}"))?;
    loop {
        let received = tokio::select! {
            received = control_receive.read() => received,
            () = &mut orphaned => break,
            _ = terminated.recv() => break,
            () = requests.shutdown_asked() => break,
        };
        let request = match received {
            Ok(request) => request,
            Err(error) => {
                eprintln!("taskloom: a message on control was dropped: {error}");
                tokio::time::sleep(std::time::Duration::from_millis(1)).await;
                continue;
            }
        };
        iopub.send(status(&request, "busy")).await;
        let mut shutdown = false;
        let reply = match &request.content {
            JupyterMessageContent::InterruptRequest(_) => {
                evaluator.interrupt();
                Some(child(&request, "interrupt_reply", serde_json::json!({"status": "ok"})))
            }
            JupyterMessageContent::ShutdownRequest(asked) => {
                shutdown = true;
                let content = serde_json::json!({"status": "ok", "restart": asked.restart});
                iopub.send(child(&request, "shutdown_reply", content.clone())).await;
                Some(child(&request, "shutdown_reply", content))
            }
            _ => requests.answer(&request).await,
        };
        if let Some(reply) = reply
            && let Err(error) = control_send.send(reply).await
        {
            eprintln!("taskloom: control: {error}");
        }
        iopub.send(status(&request, "idle")).await;
        if shutdown {
            break;
        }
    }
    // The evaluator's thread may be in the middle of a cell; ending it blocks.
    let _ = tokio::task::spawn_blocking(move || evaluator.end()).await;
    // Lets the sockets' own tasks send what they hold.
    tokio::time::sleep(std::time::Duration::from_millis(50)).await;
    Ok(())
}

/// Ends when the process that started the kernel has gone: nobody is left to ask for a shutdown.
async fn orphaned() {
    let parent = std::os::unix::process::parent_id();
    while std::os::unix::process::parent_id() == parent {
        tokio::time::sleep(std::time::Duration::from_secs(1)).await;
    }
}
