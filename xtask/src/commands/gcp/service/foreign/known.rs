//! The fields of a service that gcloud can write: those of the v1 messages of gcloud 528. It refuses a document with any other
//! (`Failed to parse value(s) in protobuf [Service]`), before it sends anything. Annotations and labels may have any name.

use serde_json::Value;

use crate::commands::gcp::service::value::members;

/// Where, and what may stand there.
const KNOWN: [(&str, &[&str]); 14] = [
    ("spec", &["template", "traffic"]),
    ("spec.template", &["metadata", "spec"]),
    (
        "spec.template.spec",
        &[
            "containerConcurrency",
            "containers",
            "enableServiceLinks",
            "imagePullSecrets",
            "nodeSelector",
            "runtimeClassName",
            "serviceAccountName",
            "timeoutSeconds",
            "volumes",
        ],
    ),
    (
        "spec.template.spec.containers[]",
        &[
            "args",
            "command",
            "env",
            "envFrom",
            "image",
            "imagePullPolicy",
            "livenessProbe",
            "name",
            "ports",
            "readinessProbe",
            "resources",
            "securityContext",
            "startupProbe",
            "terminationMessagePath",
            "terminationMessagePolicy",
            "volumeMounts",
            "workingDir",
        ],
    ),
    ("spec.template.spec.containers[].env[]", &["name", "value", "valueFrom"]),
    ("spec.template.spec.containers[].ports[]", &["containerPort", "name", "protocol"]),
    ("spec.template.spec.containers[].startupProbe", &PROBE),
    ("spec.template.spec.containers[].livenessProbe", &PROBE),
    ("spec.template.spec.containers[].readinessProbe", &PROBE),
    ("spec.template.spec.containers[].volumeMounts[]", &["mountPath", "name", "readOnly", "subPath"]),
    ("spec.template.spec.containers[].resources", &["limits", "requests"]),
    ("spec.template.spec.volumes[]", &["configMap", "csi", "emptyDir", "name", "nfs", "secret"]),
    ("spec.template.spec.volumes[].secret", &["defaultMode", "items", "optional", "secretName"]),
    ("spec.traffic[]", &["configurationName", "latestRevision", "percent", "revisionName", "tag", "url"]),
];

const PROBE: [&str; 9] = [
    "exec",
    "failureThreshold",
    "grpc",
    "httpGet",
    "initialDelaySeconds",
    "periodSeconds",
    "successThreshold",
    "tcpSocket",
    "timeoutSeconds",
];

/// The path of every field of a service's document that is not among them.
pub(super) fn unknown(document: &Value) -> Vec<String> {
    let mut unknown = Vec::new();
    for (pattern, names) in KNOWN {
        for (path, value) in at(document, pattern) {
            let members = members(value).filter(|(name, _)| !names.contains(&name.as_str()));
            unknown.extend(members.map(|(name, value)| format!("{path}.{name}: {value}")));
        }
    }
    unknown
}

/// Everything that stands at such a path, with its own.
fn at<'v>(document: &'v Value, pattern: &str) -> Vec<(String, &'v Value)> {
    let mut found = vec![(String::new(), document)];
    for step in pattern.split('.') {
        let (name, is_list) = step.strip_suffix("[]").map_or((step, false), |name| (name, true));
        let mut next = Vec::new();
        for (path, value) in found {
            let path = if path.is_empty() { name.to_owned() } else { format!("{path}.{name}") };
            let items = value[name].as_array().map(Vec::as_slice).unwrap_or_default();
            if is_list {
                let items = items.iter().enumerate();
                next.extend(items.map(|(index, item)| (format!("{path}[{index}]"), item)));
            } else {
                next.push((path, &value[name]));
            }
        }
        found = next;
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_field_that_gcloud_does_not_know_is_named_with_its_path_at_any_depth() {
        let document = json!({"spec": {
            "scaling": {"manualInstanceCount": 3},
            "traffic": [{"percent": 100, "latestRevision": true}],
            "template": {"metadata": {"annotations": {"any/name": "goes"}}, "spec": {
                "containers": [{"image": "i", "sourceCode": {"x": 1}}, {"image": "j", "ports": [{"appProtocol": "h2"}]}],
                "volumes": [{"name": "v", "newVolumeType": {}}],
            }},
        }});
        expect_test::expect![[r#"
            spec.scaling: {"manualInstanceCount":3}
            spec.template.spec.containers[0].sourceCode: {"x":1}
            spec.template.spec.containers[1].ports[0].appProtocol: "h2"
            spec.template.spec.volumes[0].newVolumeType: {}"#]]
        .assert_eq(&unknown(&document).join("\n"));
    }
}
