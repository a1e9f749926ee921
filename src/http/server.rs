//! The listening socket: timeouts that lie below requests, and the end.

use std::net::TcpListener;
use std::sync::Arc;

use axum_server::Handle;
use hyper_util::rt::TokioTimer;

use crate::app::App;

/// Serves until `stop`, then finishes what was begun, within the configured time.
///
/// # Errors
/// What the socket says.
pub async fn serve(listener: TcpListener, app: Arc<App>, stop: impl Future<Output = ()> + Send + 'static) -> std::io::Result<()> {
    listener.set_nonblocking(true)?;
    // HTTP/1 only: looking for HTTP/2's preface would wait for it without a limit of time
    let mut server = axum_server::from_tcp(listener)?.http1_only();
    server.http_builder().http1().timer(TokioTimer::new()).header_read_timeout(app.limits.header_timeout);

    let handle = Handle::new();
    let (stopping, patience) = (handle.clone(), app.limits.shutdown_timeout);
    let stopped = tokio::spawn(async move {
        stop.await;
        tracing::info!("stopping: what was begun is finished");
        stopping.graceful_shutdown(Some(patience));
    });
    let served = server.handle(handle).serve(super::router(Arc::clone(&app)).into_make_service()).await;
    stopped.abort();
    // work goes on without its client, and outlives its connection
    if !app.idle(patience).await {
        tracing::error!("stopped before all that was begun had ended");
    }
    served
}
