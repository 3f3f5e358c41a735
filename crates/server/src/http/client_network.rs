//! Tells signaling which network a socket comes from, by the rules by which the REST API tells clients apart.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::Response;
use hubbub_api::ClientAddress;
use hubbub_signaling::ClientNetwork;
use ipnet::IpNet;

/// Adds the client's network to every request of `router`, believing `trusted` proxies. Requests from this machine get none: a
/// reverse proxy here that nobody named would make one network of everybody.
pub(crate) fn tell(router: Router, trusted: Vec<IpNet>) -> Router {
    router.layer(from_fn_with_state(Arc::from(trusted), add))
}

async fn add(State(trusted): State<Arc<[IpNet]>>, mut request: Request, next: Next) -> Response {
    let address = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = address.map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |ConnectInfo(address)| address.ip());
    let client = ClientAddress::resolve(peer, request.headers(), &trusted);
    if !client.0.is_loopback() {
        request.extensions_mut().insert(ClientNetwork(client.network()));
    }
    next.run(request).await
}
