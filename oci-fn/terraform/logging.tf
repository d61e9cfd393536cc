resource "oci_logging_log_group" "pipeline" {
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-logs"
  description    = "Logs of the pipeline"
  freeform_tags  = var.tags
}

resource "oci_logging_log" "function" {
  display_name       = "${var.prefix}-function"
  log_group_id       = oci_logging_log_group.pipeline.id
  log_type           = "SERVICE"
  is_enabled         = true
  retention_duration = 30
  freeform_tags      = var.tags

  configuration {
    compartment_id = var.compartment_id

    source {
      source_type = "OCISERVICE"
      service     = "functions"
      resource    = oci_functions_application.anomaly_app.id
      category    = "invoke"
    }
  }
}

resource "oci_logging_log" "connector" {
  count              = local.with_function ? 1 : 0
  display_name       = "${var.prefix}-connector"
  log_group_id       = oci_logging_log_group.pipeline.id
  log_type           = "SERVICE"
  is_enabled         = true
  retention_duration = 30
  freeform_tags      = var.tags

  configuration {
    compartment_id = var.compartment_id

    source {
      source_type = "OCISERVICE"
      service     = "och"
      resource    = oci_sch_service_connector.anomaly[0].id
      category    = "runlog"
    }
  }
}
