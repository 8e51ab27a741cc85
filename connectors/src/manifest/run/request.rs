//! A call of a manifest as a request: address, query, headers and body from their templates.

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use serde_json::{Map, Value as Json};
use url::Url;

use super::trouble::Trouble;
use super::wire::{Outgoing, Purpose};
use crate::manifest::model::{Call, Http, Target, Templates};
use crate::manifest::scope::Scope;
use crate::manifest::template::Template;
use crate::manifest::value::{Value, is_null, text, to_json};

/// Where the API begins, and what every call carries.
#[derive(Debug, Clone)]
pub(crate) struct Foundation {
    /// Base address, without a slash at its end.
    base: String,
    /// What stands before every path.
    path: String,
    headers: Vec<(String, String)>,
    query: Vec<(String, String)>,
}

impl Foundation {
    /// Renders `[http]`.
    ///
    /// # Errors
    /// [`Trouble`] when a template fails.
    pub(crate) fn new(http: &Http, scope: &Scope) -> Result<Self, Trouble> {
        Ok(Self {
            headers: pairs(&http.headers, scope)?,
            query: pairs(&http.query, scope)?,
            ..Self::bare(http, scope)?
        })
    }

    /// Base and path alone, for whoever only needs addresses and knows no secret.
    ///
    /// # Errors
    /// As of [`Foundation::new`].
    pub(crate) fn bare(http: &Http, scope: &Scope) -> Result<Self, Trouble> {
        let text = |template: &Template| template.text(scope).map(Option::unwrap_or_default).map_err(Trouble::from);
        Ok(Self {
            base: text(&http.base)?.trim_end_matches('/').to_owned(),
            path: http.path.as_ref().map(text).transpose()?.unwrap_or_default(),
            headers: Vec::new(),
            query: Vec::new(),
        })
    }

    /// Base address of the API.
    pub(crate) fn base(&self) -> &str {
        &self.base
    }

    /// The address of a path.
    ///
    /// # Errors
    /// [`Trouble`] when the template fails or gives no address.
    pub(crate) fn address(&self, path: &Template, scope: &Scope) -> Result<Url, Trouble> {
        parsed(&format!("{}{}{}", self.base, self.path, path.path(scope)?))
    }

    /// Renders a call. What is `placed` goes where its target says, over what the call has there.
    ///
    /// # Errors
    /// [`Trouble`] when a template fails or gives something that cannot be sent.
    pub(crate) fn request(
        &self,
        call: &Call,
        scope: &Scope,
        purpose: Purpose,
        placed: &[(&Target, Value)],
    ) -> Result<Outgoing, Trouble> {
        let mut url = match (&call.path, &call.url) {
            (Some(path), _) => self.address(path, scope)?,
            (None, Some(url)) => parsed(&url.path(scope)?)?,
            (None, None) => return Err(Trouble::manifest("a call has neither `path` nor `url`")),
        };
        let mut query = self.query.clone();
        query.extend(pairs(&call.query, scope)?);
        let mut headers = self.headers.clone();
        headers.extend(pairs(&call.headers, scope)?);
        let mut form = pairs(&call.form, scope)?;
        let mut body = call.body.as_ref().map(|node| node.render(scope)).transpose()?;
        for (target, value) in placed {
            match target {
                Target::Query(name) => set(&mut query, name, value)?,
                Target::Header(name) => set(&mut headers, name, value)?,
                Target::Form(name) => set(&mut form, name, value)?,
                Target::Body(path) => put(body.get_or_insert_with(|| Json::Object(Map::new())), path, to_json(value)),
            }
        }
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        let (body, kind) = match body {
            Some(json) => (Bytes::from(json.to_string()), Some("application/json")),
            None if !form.is_empty() => {
                let encoded = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(&form).finish();
                (Bytes::from(encoded), Some("application/x-www-form-urlencoded"))
            }
            None => (Bytes::new(), None),
        };
        let method = Method::from_bytes(call.method.as_str().as_bytes())
            .map_err(|error| Trouble::unsendable("its method", &error))?;
        let headers = header_map(&headers, kind)?;
        Ok(Outgoing { purpose, method, url, headers, secret: Vec::new(), body })
    }

    /// A GET of an address that the system gave, with the headers of `call`.
    ///
    /// # Errors
    /// [`Trouble`] when a header's template fails.
    pub(crate) fn follow(&self, url: Url, call: &Call, scope: &Scope) -> Result<Outgoing, Trouble> {
        let mut headers = self.headers.clone();
        headers.extend(pairs(&call.headers, scope)?);
        Ok(Outgoing {
            purpose: Purpose::Read,
            method: Method::GET,
            url,
            headers: header_map(&headers, None)?,
            secret: Vec::new(),
            body: Bytes::new(),
        })
    }
}

fn parsed(address: &str) -> Result<Url, Trouble> {
    Url::parse(address).map_err(|error| Trouble::unsendable("its address is no URL", &error))
}

/// Rendered names and values: null is left out, a list repeats its name.
pub(crate) fn pairs(templates: &Templates, scope: &Scope) -> Result<Vec<(String, String)>, Trouble> {
    let mut pairs = Vec::with_capacity(templates.len());
    for (name, template) in templates.iter() {
        let value = template.value(scope)?;
        if value.kind() == minijinja::value::ValueKind::Seq {
            for element in value.try_iter().into_iter().flatten() {
                pairs.push((name.to_owned(), written(name, &element)?));
            }
        } else if !is_null(&value) {
            pairs.push((name.to_owned(), written(name, &value)?));
        }
    }
    Ok(pairs)
}

fn written(name: &str, value: &Value) -> Result<String, Trouble> {
    text(value).ok_or_else(|| Trouble::manifest(format!("`{name}` of a call is {}, and text is needed", value.kind())))
}

fn set(pairs: &mut Vec<(String, String)>, name: &str, value: &Value) -> Result<(), Trouble> {
    pairs.retain(|(known, _)| !known.eq_ignore_ascii_case(name));
    pairs.push((name.to_owned(), written(name, value)?));
    Ok(())
}

/// Sets a place in a JSON body; what is in the way and no object gives way.
fn put(body: &mut Json, path: &[String], value: Json) {
    let mut place = body;
    for name in path {
        if !place.is_object() {
            *place = Json::Object(Map::new());
        }
        let Json::Object(object) = place else { return };
        place = object.entry(name.clone()).or_insert(Json::Null);
    }
    *place = value;
}

/// The headers of a request; `kind` is the body's media type unless a header says another.
fn header_map(pairs: &[(String, String)], kind: Option<&'static str>) -> Result<HeaderMap, Trouble> {
    let mut map = HeaderMap::new();
    map.insert(ACCEPT, HeaderValue::from_static("application/json"));
    if let Some(kind) = kind {
        map.insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    }
    for (name, value) in pairs {
        let (name, value) = header(name, value)?;
        map.insert(name, value);
    }
    Ok(map)
}

/// A header that can be sent. The value is not told when it cannot: it may be a secret.
pub(crate) fn header(name: &str, value: &str) -> Result<(HeaderName, HeaderValue), Trouble> {
    let parsed = HeaderName::from_bytes(name.as_bytes())
        .map_err(|error| Trouble::unsendable(&format!("`{name}` is no header name"), &error))?;
    let value = HeaderValue::from_str(value).map_err(|_quotes_the_value| {
        Trouble::manifest(format!(
            "the value of header `{name}` cannot be sent: it holds a line break or another control character"
        ))
    })?;
    Ok((parsed, value))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_place_in_the_body_is_made_where_there_is_none() {
        let mut body = json!({"variables": {"org": "acme"}, "a": 1});
        put(&mut body, &["variables".into(), "after".into()], json!("c1"));
        put(&mut body, &["a".into(), "b".into()], json!(2));
        assert_eq!(body, json!({"variables": {"org": "acme", "after": "c1"}, "a": {"b": 2}}));
    }

    #[test]
    fn a_header_value_that_cannot_be_sent_is_not_told() {
        let error = header("x-key", "hunter2\n").unwrap_err().gap("x");
        assert!(!format!("{error:?}").contains("hunter2"));
        assert!(header("x key", "1").is_err());
    }
}
