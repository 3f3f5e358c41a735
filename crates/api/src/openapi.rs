//! The OpenAPI 3.1 document: what the endpoints say of themselves, and what holds for all of them.
//!
//! An endpoint describes an error answer with its codes, one `` `code`: meaning `` each; the schema, the examples and the
//! errors that any endpoint may have are added here.

use serde_json::{Map, Value, json};
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};

use crate::error::{Code, FieldError, ProblemBody};

#[derive(OpenApi)]
#[openapi(
    info(
        title = "Hubbub",
        description = "Voice rooms, self-hosted. This is the REST half; what happens in a room goes over the WebSocket at \
                       `/ws`, described in docs/PROTOCOL.md.\n\n\
                       **Authentication**: log in, then send the cookies that were set, or `Authorization: Bearer` with \
                       the access token. After `token-expired` refresh and try again.\n\n\
                       **Errors** are problem details (RFC 9457) with a stable `code`. `detail` is English for people and \
                       may change.\n\n\
                       **Times** are RFC 3339 in UTC with microseconds. **Ids** are UUIDs. Unknown fields in a body are \
                       refused.\n\n\
                       **From a browser** a request that changes something must come from this server's own pages; others \
                       are answered 403 `cross-site-request`.",
        license(name = "MIT", identifier = "MIT"),
    ),
    tags(
        (name = "auth", description = "Registering, proving an address, logging in and out."),
        (name = "users", description = "Profiles and pictures."),
        (name = "rooms", description = "Rooms and who is in them."),
        (name = "invites", description = "Invitations to private rooms."),
        (name = "admin", description = "Looking after the server. Only users with the role `admin` may."),
        (name = "server", description = "About this server."),
    ),
    components(schemas(ProblemBody<'static>, FieldError, Code)),
    security(("cookie" = []), ("bearer" = [])),
)]
struct Described;

/// What the router starts from.
pub(crate) fn base() -> utoipa::openapi::OpenApi {
    let mut api = Described::openapi();
    let components = api.components.get_or_insert_default();
    let cookie = ApiKey::Cookie(ApiKeyValue::with_description(
        "hubbub_access",
        "Set by login; called `__Host-hubbub_access` under https.",
    ));
    let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).bearer_format("JWT").build();
    components.add_security_scheme("cookie", SecurityScheme::ApiKey(cookie));
    components.add_security_scheme("bearer", SecurityScheme::Http(bearer));
    api
}

/// The whole document, from what the routes collected.
pub(crate) fn document(api: &utoipa::openapi::OpenApi) -> Value {
    let mut document = serde_json::to_value(api).expect("the document is plain data");
    for (_, methods) in document["paths"].as_object_mut().into_iter().flatten() {
        for (method, operation) in methods.as_object_mut().into_iter().flatten() {
            if let Value::Object(operation) = operation {
                complete(method, operation);
            }
        }
    }
    document
}

/// Adds what holds for all operations of this kind.
fn complete(method: &str, operation: &mut Map<String, Value>) {
    if let Some(Value::String(id)) = operation.get_mut("operationId") {
        *id = camel_case(id);
    }
    let is_public = operation.get("security") == Some(&json!([{}]));
    let changes = method != "get";
    let body = operation.get("requestBody").and_then(|body| body.get("content")).and_then(Value::as_object);
    let has_json = body.is_some_and(|content| content.contains_key("application/json"));
    let has_body = body.is_some();
    let has_query = operation
        .get("parameters")
        .and_then(Value::as_array)
        .is_some_and(|parameters| parameters.iter().any(|parameter| parameter["in"] == "query"));
    if let Some(body) = operation.get_mut("requestBody") {
        pictures_are_files(body.get_mut("content"));
        an_optional_body_is_absent_not_null(body);
    }

    let Some(Value::Object(responses)) = operation.get_mut("responses") else { return };
    for response in responses.values_mut() {
        pictures_are_files(response.get_mut("content"));
    }
    let mut add = |status: &str, text: &str| {
        let response = responses.entry(status).or_insert_with(|| json!({ "description": "" }));
        let description = response["description"].as_str().unwrap_or_default();
        if !description.contains(text.split(':').next().unwrap_or(text)) {
            let joined = if description.is_empty() { text.to_owned() } else { format!("{description}\n\n{text}") };
            response["description"] = Value::String(joined);
        }
    };
    if !is_public {
        add("401", "`unauthorized`: nobody is logged in");
        add("401", "`token-expired`: the access token has expired; refresh it");
    }
    if changes {
        add("403", "`cross-site-request`: the request was made by a page of another site, or is a form");
        add("507", "`storage-full`: the server has no room left to store this");
    }
    if has_json {
        add("400", "`bad-json`: the body is not JSON");
        add("415", "`unsupported-media-type`: the body is not `application/json`");
    }
    if has_body {
        add("413", "`payload-too-large`: the body is too large");
    }
    if has_json || has_query {
        add("422", "`validation-failed`: `errors` names the fields that are wrong");
    }
    add("429", "`rate-limited`: too many requests");
    add("500", "`internal`: the server made a mistake");
    add("503", "`database-unavailable`: the database is unavailable");
    add("503", "`timeout`: the request took too long");

    for (status, response) in responses.iter_mut().filter(|(status, _)| status.starts_with(['4', '5'])) {
        describe_problem(status, response);
    }
}

/// Schema, an example for each code, and `Retry-After` where it is sent.
fn describe_problem(status: &str, response: &mut Value) {
    let status: u16 = status.parse().expect("statuses are numbers");
    let title = axum::http::StatusCode::from_u16(status).ok().and_then(|status| status.canonical_reason());
    let description = response["description"].as_str().unwrap_or_default().to_owned();
    let mut examples = Map::new();
    for line in description.lines().filter(|line| line.starts_with('`')) {
        let Some((code, detail)) = line.trim_start_matches('`').split_once("`: ") else { continue };
        let mut problem =
            json!({ "type": "about:blank", "title": title, "status": status, "detail": detail, "code": code });
        if code == "validation-failed" {
            problem["detail"] = json!("one field is wrong: name must have 1 to 80 characters, has 0");
            problem["errors"] =
                json!([{ "field": "name", "code": "length", "detail": "must have 1 to 80 characters, has 0" }]);
        }
        examples.insert(code.to_owned(), json!({ "value": problem }));
    }
    response["content"] = json!({
        "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" }, "examples": examples }
    });
    if matches!(status, 429 | 503) {
        let schema = json!({ "type": "integer", "minimum": 1 });
        response["headers"] = json!({ "Retry-After": { "description": "Seconds to wait.", "schema": schema } });
    }
}

/// An optional body may be left out; the JSON text `null` is not what is meant.
fn an_optional_body_is_absent_not_null(body: &mut Value) {
    let Some(schema) = body.pointer_mut("/content/application~1json/schema") else { return };
    if let Some(described) =
        schema["oneOf"].as_array().and_then(|choices| choices.iter().find(|c| c.get("$ref").is_some()))
    {
        *schema = described.clone();
        body["required"] = Value::Bool(false);
    }
}

/// A picture is bytes, not an array of numbers.
fn pictures_are_files(content: Option<&mut Value>) {
    for (media_type, described) in content.and_then(Value::as_object_mut).into_iter().flatten() {
        if media_type.starts_with("image/") {
            described["schema"] = json!({ "type": "string", "format": "binary" });
        }
    }
}

fn camel_case(snake: &str) -> String {
    let mut words = snake.split('_');
    let first = words.next().unwrap_or_default().to_owned();
    words.fold(first, |mut out, word| {
        let mut chars = word.chars();
        out.extend(chars.next().map(|c| c.to_ascii_uppercase()));
        out.push_str(chars.as_str());
        out
    })
}
