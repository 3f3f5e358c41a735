//! How the server is asked over HTTP.

use std::time::Duration;

/// How long a connection is kept that nothing is asked on. Servers and proxies close those that idle, this project's own after 10 s;
/// a request on its way at that moment would get no answer, and nobody could say whether it was carried out.
const IDLE: Duration = Duration::from_secs(5);

/// What all clients here have in common.
pub(crate) fn client() -> reqwest::ClientBuilder {
    // Another part of the process may have chosen already; both choices are this one.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    reqwest::Client::builder().pool_idle_timeout(IDLE)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    #[tokio::test]
    async fn a_connection_that_idled_is_not_used_again() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        let connections = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&connections);
        let server = tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                counted.fetch_add(1, Ordering::Relaxed);
                tokio::spawn(async move {
                    let mut request = [0; 2048];
                    while stream.read(&mut request).await.is_ok_and(|read| read > 0) {
                        stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await.unwrap();
                    }
                });
            }
        });
        let http = client().no_proxy().build().unwrap();
        let ask = async || http.get(&url).send().await.unwrap().status().as_u16();
        assert_eq!([ask().await, ask().await], [204, 204]);
        assert_eq!(connections.load(Ordering::Relaxed), 1, "kept meanwhile");
        tokio::time::sleep(IDLE + Duration::from_millis(500)).await;
        assert_eq!(ask().await, 204);
        assert_eq!(connections.load(Ordering::Relaxed), 2);
        server.abort();
    }
}
