//! Microsoft Graph's `$batch` before servers that know single requests only.
//!
//! Strict about what Graph allows ("Combine multiple HTTP requests using JSON batching"): 1 to 20 requests with ids of their own,
//! addresses that count from the version, each with its own headers. And about what a reader may send: GETs without a body, and
//! no credential inside, because the batch carries it for all.

use std::collections::HashSet;

use serde_json::{Map, Value, json};

use crate::scripted_http::{Request, Response};

/// Requests that Graph takes at once.
const MOST: usize = 20;

/// The requests of a batch with their ids, each as it would have come alone: with the credential and host of the batch.
///
/// # Errors
/// What Graph, or a reader's own rules, would refuse.
pub fn open(batch: &Request) -> Result<Vec<(String, Request)>, String> {
    let root = batch.path.strip_suffix("/$batch").ok_or("a batch goes to `$batch` of a version")?;
    if batch.method != "POST" || batch.header("content-type") != Some("application/json") {
        return Err("a batch is a POST of JSON".into());
    }
    let body: Value = serde_json::from_slice(&batch.body).map_err(|error| error.to_string())?;
    let requests = body["requests"].as_array().ok_or("there is no list `requests`")?;
    if !(1..=MOST).contains(&requests.len()) {
        return Err(format!("{} requests, and 1 to {MOST} are allowed", requests.len()));
    }
    let mut ids = HashSet::new();
    requests.iter().map(|request| one(batch, root, request, &mut ids)).collect()
}

fn one(batch: &Request, root: &str, request: &Value, ids: &mut HashSet<String>) -> Result<(String, Request), String> {
    let refused = |why: &str| format!("{why}: {request}");
    let id = request["id"].as_str().filter(|id| !id.is_empty()).ok_or_else(|| refused("a request without an id"))?;
    if !ids.insert(id.to_owned()) {
        return Err(refused("an id that another request has"));
    }
    if request["method"] != "GET" || request.get("body").is_some() {
        return Err(refused("not a reading"));
    }
    let relative = |url: &&str| url.starts_with('/') && !url.starts_with("//") && !url.contains("://");
    let url = request["url"].as_str().filter(relative).ok_or_else(|| refused("an address that is not relative"))?;
    let mut headers: Vec<(String, String)> = Vec::new();
    for (name, value) in request["headers"].as_object().into_iter().flatten() {
        let value = value.as_str().ok_or_else(|| refused("a header that is no text"))?;
        if ["authorization", "cookie"].contains(&name.to_lowercase().as_str()) {
            return Err(refused("a credential inside"));
        }
        headers.push((name.to_lowercase(), value.to_owned()));
    }
    let shared = batch.headers.iter().filter(|(name, _)| ["authorization", "host"].contains(&name.as_str()));
    headers.extend(shared.cloned());
    Ok((id.to_owned(), Request::get(&format!("{root}{url}"), headers)))
}

/// The answer to a batch: `answers` by id. A body that is no JSON is left out.
pub fn close(answers: &[(String, Response)]) -> Value {
    let one = |(id, response): &(String, Response)| {
        let (status, headers, body) = response.parts();
        let headers: Map<String, Value> =
            headers.iter().map(|(name, value)| (name.clone(), value.as_str().into())).collect();
        let mut answer = json!({"id": id, "status": status, "headers": headers});
        if let Ok(body) = serde_json::from_slice::<Value>(body) {
            answer["body"] = body;
        }
        answer
    };
    json!({"responses": answers.iter().map(one).collect::<Vec<_>>()})
}

/// Answers a batch by what `answer` says to each of its requests; 400 to one that Graph would refuse.
pub fn answered(batch: &Request, answer: impl Fn(&Request) -> Response) -> Response {
    match open(batch) {
        Ok(requests) => {
            let answers: Vec<_> = requests.into_iter().map(|(id, request)| (id, answer(&request))).collect();
            Response::json(close(&answers).to_string())
        }
        Err(why) => {
            Response::json(json!({"error": {"code": "BadRequest", "message": why}}).to_string()).with_status(400)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn batch(requests: &Value) -> Request {
        let headers = [("content-type", "application/json"), ("authorization", "Bearer t"), ("x-other", "1")];
        let headers = headers.map(|(name, value)| (name.to_owned(), value.to_owned())).to_vec();
        let body = json!({"requests": requests}).to_string().into_bytes();
        Request { method: "POST".into(), body, ..Request::get("/v1.0/$batch", headers) }
    }

    #[test]
    fn a_batch_is_as_strict_as_graph() {
        let good =
            json!({"id": "1", "method": "GET", "url": "/users?$top=9", "headers": {"ConsistencyLevel": "eventual"}});
        let opened = open(&batch(&json!([good]))).unwrap();
        let (id, request) = &opened[0];
        assert_eq!(
            (id.as_str(), request.target.as_str(), request.query("$top")),
            ("1", "/v1.0/users?$top=9", Some("9"))
        );
        assert_eq!(
            (request.header("consistencylevel"), request.header("authorization")),
            (Some("eventual"), Some("Bearer t"))
        );
        assert_eq!(request.header("x-other"), None);
        let with = |key: &str, value: Value| {
            let mut request = good.clone();
            request[key] = value;
            json!([request])
        };
        let many: Vec<Value> = (0..21).map(|id| with("id", id.to_string().into())[0].clone()).collect();
        for bad in [
            json!([]),
            json!(many),
            json!([good, good]),
            with("id", Value::Null),
            with("method", json!("DELETE")),
            with("url", json!("https://graph.example/v1.0/users")),
            with("url", json!("users")),
            with("body", json!({})),
            with("headers", json!({"Authorization": "Bearer t"})),
        ] {
            assert!(open(&batch(&bad)).is_err(), "{bad}");
            assert_eq!(answered(&batch(&bad), |_| Response::json("{}")).parts().0, 400);
        }
        let answer = answered(&batch(&json!([good])), |_| Response::json("[1]").with_status(404));
        let told: Value = serde_json::from_slice(answer.parts().2).unwrap();
        assert_eq!((&told["responses"][0]["status"], &told["responses"][0]["body"]), (&json!(404), &json!([1])));
    }
}
