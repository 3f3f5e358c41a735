//! `/api/docs`: the OpenAPI document as a page, from files inside the binary, so that it works without the internet.

use std::sync::{Arc, LazyLock};

use axum::body::Body;
use axum::extract::Path;
use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Redirect, Response};
use utoipa_swagger_ui::Config;

use crate::error::Problem;

/// No script but the files beside the page. Swagger UI draws with `style` attributes and `data:` images.
const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
                   connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

static CONFIG: LazyLock<Arc<Config<'static>>> = LazyLock::new(|| {
    // The page's own validator would send the document to another server.
    let config = Config::from("/api/openapi.json").deep_linking(true).display_request_duration(true);
    Arc::new(config.validator_url("none").with_credentials(true))
});

/// `/api/docs`: the page's relative links need the slash.
pub(crate) async fn redirect() -> Redirect {
    Redirect::permanent("/api/docs/")
}

/// `/api/docs/`
pub(crate) async fn index() -> Response {
    serve("index.html")
}

/// `/api/docs/{file}`
pub(crate) async fn file(Path(file): Path<String>) -> Response {
    serve(&file)
}

fn serve(path: &str) -> Response {
    let file = match utoipa_swagger_ui::serve(path, CONFIG.clone()) {
        Ok(Some(file)) => file,
        Ok(None) => return Problem::not_found().into_response(),
        Err(error) => return Problem::internal(&error).into_response(),
    };
    let mut response = Response::new(Body::from(file.bytes.into_owned()));
    let headers = response.headers_mut();
    let media_type = HeaderValue::from_str(&file.content_type).expect("a media type from a table is visible ASCII");
    headers.insert(header::CONTENT_TYPE, media_type);
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static(CSP));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
    response
}
