locals {
  with_function = var.function_image != ""

  # Everything that the function reads from its environment; nothing secret is among it.
  function_config = {
    MILLRACE_DATABASE           = "oracle://${var.database_user}@${local.database_dsn}"
    MILLRACE_DATABASE_SECRET_ID = oci_vault_secret.database_password.id
    MILLRACE_TOPIC_ID           = oci_ons_notification_topic.anomaly.id
  }
}

resource "oci_artifacts_container_repository" "function" {
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}/${var.names.function}"
  is_public      = false
}

resource "oci_functions_application" "anomaly_app" {
  compartment_id = var.compartment_id
  display_name   = var.names.application
  subnet_ids     = local.subnet_ids
  shape          = "GENERIC_X86"
  config         = local.function_config
  freeform_tags  = var.tags
}

# `fn deploy` finds this function by its name and gives it each new image.
resource "oci_functions_function" "extract_features" {
  count              = local.with_function ? 1 : 0
  application_id     = oci_functions_application.anomaly_app.id
  display_name       = var.names.function
  image              = var.function_image
  memory_in_mbs      = var.function_memory_mb
  timeout_in_seconds = var.function_timeout_s
  freeform_tags      = var.tags

  lifecycle {
    ignore_changes = [image]
  }
}
