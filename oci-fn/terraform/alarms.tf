locals {
  alarms = local.with_function ? {
    function-errors = {
      namespace = "oci_faas"
      query     = "FunctionResponseCount[5m]{resourceId = \"${oci_functions_function.extract_features[0].id}\", responseType = \"Error\"}.sum() > 0"
      severity  = "CRITICAL"
      pending   = "PT5M"
      body      = "The function fails: its batches come again until it answers. Look for the id of a failure in the log ${oci_logging_log.function.display_name}."
    }
    connector-lag = {
      namespace = "oci_service_connector_hub"
      query     = "DataFreshness[5m]{connectorId = \"${oci_sch_service_connector.anomaly[0].id}\"}.max() > ${10 * 60 * 1000}"
      severity  = "CRITICAL"
      pending   = "PT5M"
      body      = "Events wait for more than ten minutes before the function gets them. Their retention is ${var.retention_hours} hours."
    }
    no-events = {
      namespace = "oci_streaming"
      query     = "PutMessagesThroughput.Count[15m]{resourceId = \"${oci_streaming_stream.anomaly.id}\"}.absent()"
      severity  = "WARNING"
      pending   = "PT15M"
      body      = "Nobody puts events on the stream ${var.names.stream}."
    }
  } : {}
}

resource "oci_monitoring_alarm" "pipeline" {
  for_each              = local.alarms
  compartment_id        = var.compartment_id
  metric_compartment_id = var.compartment_id
  display_name          = "${var.prefix}-${each.key}"
  namespace             = each.value.namespace
  query                 = each.value.query
  severity              = each.value.severity
  pending_duration      = each.value.pending
  body                  = each.value.body
  destinations          = [oci_ons_notification_topic.operations.id]
  is_enabled            = true
  freeform_tags         = var.tags
}
