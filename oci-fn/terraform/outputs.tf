output "stream_id" {
  description = "OCID of the stream, for producers."
  value       = oci_streaming_stream.anomaly.id
}

output "stream_endpoint" {
  description = "Where producers put messages."
  value       = oci_streaming_stream.anomaly.messages_endpoint
}

output "application_name" {
  description = "For fn deploy --app."
  value       = oci_functions_application.anomaly_app.display_name
}

output "registry" {
  description = "For fn update context registry: fn adds the name of the function and its version."
  value       = "ocir.${var.region}.oci.oraclecloud.com/${oci_artifacts_container_repository.function.namespace}/${var.prefix}"
}

output "function_id" {
  description = "OCID of the function, once there is an image."
  value       = one(oci_functions_function.extract_features[*].id)
}

output "events_url" {
  description = "Where producers post events, where there is a gateway."
  value       = one([for one in oci_apigateway_deployment.events : "${one.endpoint}/events"])
}

output "topic_id" {
  description = "OCID of the topic of alerts, for pipeline_settings in the database."
  value       = oci_ons_notification_topic.anomaly.id
}

output "database_id" {
  description = "OCID of the Autonomous Database."
  value       = oci_database_autonomous_database.anomaly.id
}

output "function_config" {
  description = "What the function reads from its environment."
  value       = local.function_config
}
