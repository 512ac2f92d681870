//! Headers that keep pages, files and answers from being used against the people who open them.

use super::origin::Origins;
use axum::http::{HeaderMap, HeaderName, HeaderValue, header};
use axum::response::Response;

/// What every answer of this door carries: no guessing of types, no embedding by others, no address in referrers.
const EVERYWHERE: [(HeaderName, HeaderValue); 3] = [
    (header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff")),
    (header::REFERRER_POLICY, HeaderValue::from_static("no-referrer")),
    (HeaderName::from_static("cross-origin-resource-policy"), HeaderValue::from_static("same-origin")),
];

/// Features that the pages do not use, so nothing that gets into them can either. Only names that every browser knows:
/// the others make them complain.
const PERMISSIONS: &str = "accelerometer=(), camera=(), display-capture=(), geolocation=(), gyroscope=(), magnetometer=(), microphone=(), midi=(), payment=(), usb=()";

/// Adds what every answer carries, where the route has not set it.
pub async fn everywhere(mut response: Response) -> Response {
    for (name, value) in EVERYWHERE {
        response.headers_mut().entry(name).or_insert(value);
    }
    response
}

/// Headers of the page itself.
pub fn of_page(origins: &Origins, request: &HeaderMap) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(header::CONTENT_SECURITY_POLICY, policy(origins, request));
    headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers.insert("permissions-policy", HeaderValue::from_static(PERMISSIONS));
    if origins.trustworthy(request) {
        headers.insert("cross-origin-opener-policy", HeaderValue::from_static("same-origin"));
    }
    headers
}

/// The content security policy of pages and workers: own files, own socket, nothing inline, nothing evaluated.
pub fn policy(origins: &Origins, request: &HeaderMap) -> HeaderValue {
    // The socket is named because some browsers do not count it as 'self'.
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob:; media-src 'self' blob:; font-src 'none'; \
         connect-src 'self' {}; worker-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; \
         require-trusted-types-for 'script'; trusted-types lit-html clarion; report-uri /web/csp",
        origins.socket_sources(request)
    );
    HeaderValue::try_from(policy).expect("hosts were checked for their letters")
}
