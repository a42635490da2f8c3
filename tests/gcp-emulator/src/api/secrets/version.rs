//! Secret versions: payloads with checksums, and the life of a version.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use serde_json::{Value, json};
use time::OffsetDateTime;

use super::{Secret, check_etag};
use crate::call::Call;
use crate::clock::timestamp;
use crate::crc32c::crc32c;
use crate::error::{Answer, ApiError};

/// The largest payload, in bytes (Secret Manager quotas).
const LARGEST_PAYLOAD: usize = 64 * 1024;

/// How many versions a page of their list holds where nobody says. Callers that take the first page for all of them are to be
/// found out.
const PAGE: usize = 10;

/// The life of a version (SecretVersion.State). Destroyed is for ever.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum State {
    Enabled,
    Disabled,
    Destroyed,
}

impl State {
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Enabled => "ENABLED",
            Self::Disabled => "DISABLED",
            Self::Destroyed => "DESTROYED",
        }
    }
}

pub(crate) struct Version {
    payload: Vec<u8>,
    pub(crate) state: State,
    created: OffsetDateTime,
    destroyed: Option<OffsetDateTime>,
    /// When it is to be destroyed, where its secret delays that.
    doomed: Option<OffsetDateTime>,
    etag: u64,
    /// Whether the payload came with a checksum; gcloud calls it corrupted where this is not answered.
    checked: bool,
}

impl std::fmt::Debug for Version {
    /// Without the payload.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Version").field("state", &self.state).finish_non_exhaustive()
    }
}

impl Secret {
    /// The content of a version by number or as `latest`, where it can be read: for mounting it.
    pub(crate) fn payload(&self, version: &str) -> Option<&[u8]> {
        let version = &self.versions[self.find(version)?];
        (version.state == State::Enabled).then_some(version.payload.as_slice())
    }

    /// Disables a version, by number or as `latest`; returns whether it is there.
    pub(crate) fn disable(&mut self, version: &str) -> bool {
        self.find(version).map(|index| self.versions[index].state = State::Disabled).is_some()
    }

    /// Adds a version.
    pub(crate) fn push(&mut self, payload: &[u8], created: OffsetDateTime, etag: u64) {
        let (payload, state) = (payload.to_vec(), State::Enabled);
        self.versions.push(Version {
            payload,
            state,
            created,
            destroyed: None,
            doomed: None,
            etag,
            checked: false,
        });
    }

    pub(super) fn add_version(&mut self, call: &Call, now: OffsetDateTime, next: u64, name: &str) -> Answer {
        let data = call.text("/payload/data").ok_or_else(|| ApiError::invalid("payload.data: required"))?;
        // gcloud's library may use either alphabet for bytes.
        let payload = STANDARD.decode(data).or_else(|_| URL_SAFE.decode(data));
        let payload = payload.map_err(|_| ApiError::invalid("payload.data: not base64"))?;
        if payload.len() > LARGEST_PAYLOAD {
            return Err(ApiError::invalid("payload.data: larger than 65536 bytes"));
        }
        let sum = &call.body["payload"]["dataCrc32c"];
        let given = sum.as_str().map(str::to_owned).or_else(|| sum.as_u64().map(|sum| sum.to_string()));
        let checked = given.is_some();
        if given.is_some_and(|given| given != crc32c(&payload).to_string()) {
            return Err(ApiError::invalid("The checksum of the payload does not match the payload."));
        }
        let index = self.versions.len();
        self.push(&payload, now, next);
        self.versions[index].checked = checked;
        Ok(self.version_json(index, name))
    }

    /// `…/secrets/N/versions…`; `rest` is what comes after it.
    pub(super) fn version_call(
        &mut self,
        call: &Call,
        rest: &[&str],
        verb: Option<&str>,
        now: OffsetDateTime,
        name: &str,
    ) -> Answer {
        let [id] = rest else {
            if (call.method.as_str(), rest.is_empty(), verb) == ("GET", true, None) {
                return Ok(self.page(call, name));
            }
            return Err(ApiError::not_emulated(&call.method, &call.path));
        };
        let index = self.find(id).ok_or_else(|| {
            ApiError::not_found(format!("Secret Version [{name}/versions/{id}] not found."))
        })?;
        match (call.method.as_str(), verb) {
            ("GET", None) => {}
            ("GET", Some("access")) => return self.access(index, name),
            ("POST", Some(verb @ ("enable" | "disable" | "destroy"))) => {
                check_etag(call.text("/etag"), &self.version_etag(index))?;
                self.change(index, verb, now, name)?;
            }
            _ => return Err(ApiError::not_emulated(&call.method, &call.path)),
        }
        Ok(self.version_json(index, name))
    }

    /// Newest first, as the API lists them, a page at a time.
    fn page(&self, call: &Call, name: &str) -> Value {
        let number = |name: &str| call.query(name).and_then(|text| text.parse::<usize>().ok());
        let size = number("pageSize").filter(|size| *size > 0).unwrap_or(PAGE);
        let start = number("pageToken").unwrap_or(0);
        let all = self.versions.len();
        let page = (0..all).rev().skip(start).take(size);
        let versions: Vec<Value> = page.map(|index| self.version_json(index, name)).collect();
        let end = start + versions.len();
        let mut answer = json!({"totalSize": all, "versions": versions});
        if end < all {
            answer["nextPageToken"] = json!(end.to_string());
        }
        answer
    }

    fn find(&self, id: &str) -> Option<usize> {
        match id {
            "latest" => self.versions.len().checked_sub(1),
            number => {
                number.parse::<usize>().ok()?.checked_sub(1).filter(|index| *index < self.versions.len())
            }
        }
    }

    fn access(&self, index: usize, name: &str) -> Answer {
        let version = &self.versions[index];
        let id = format!("{name}/versions/{}", index + 1);
        if version.state != State::Enabled {
            let message = format!("Secret Version [{id}] is in {} state.", version.state.word());
            return Err(ApiError::failed_precondition(message));
        }
        let sum = crc32c(&version.payload).to_string();
        Ok(json!({"name": id, "payload": {"data": STANDARD.encode(&version.payload), "dataCrc32c": sum}}))
    }

    fn change(&mut self, index: usize, verb: &str, now: OffsetDateTime, name: &str) -> Result<(), ApiError> {
        let delay = self.destroy_delay;
        let version = &mut self.versions[index];
        if version.state == State::Destroyed {
            let id = format!("{name}/versions/{}", index + 1);
            return Err(ApiError::failed_precondition(format!(
                "Secret Version [{id}] is in DESTROYED state."
            )));
        }
        match verb {
            "enable" => {
                version.state = State::Enabled;
                version.doomed = None;
            }
            "disable" => version.state = State::Disabled,
            // It is disabled, and enabling it saves it.
            _ if delay.is_some() => {
                version.state = State::Disabled;
                version.doomed = delay.map(|delay| now + delay);
            }
            _ => {
                version.state = State::Destroyed;
                version.destroyed = Some(now);
                version.payload.clear();
            }
        }
        version.etag += 1;
        Ok(())
    }

    fn version_etag(&self, index: usize) -> String {
        format!("\"{:x}\"", 0x62_0a00 + self.versions[index].etag)
    }

    fn version_json(&self, index: usize, name: &str) -> Value {
        let version = &self.versions[index];
        let mut document = json!({
            "name": format!("{name}/versions/{}", index + 1),
            "createTime": timestamp(version.created),
            "state": version.state.word(),
            "etag": self.version_etag(index),
            "clientSpecifiedPayloadChecksum": version.checked,
        });
        if let Some(at) = version.destroyed {
            document["destroyTime"] = json!(timestamp(at));
        }
        if let Some(at) = version.doomed {
            document["scheduledDestroyTime"] = json!(timestamp(at));
        }
        document
    }
}
