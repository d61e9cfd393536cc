locals {
  # By TLS, without a wallet: the port beside that of mutual TLS.
  database_low = oci_database_autonomous_database.anomaly.connection_strings[0].all_connection_strings["LOW"]
  database_dsn = "tcps://${replace(local.database_low, ":1522/", ":1521/")}"
}

# In the function's subnet, with no address on the internet.
resource "oci_database_autonomous_database" "anomaly" {
  compartment_id              = var.compartment_id
  display_name                = "${var.prefix}-${var.names.database}"
  db_name                     = replace("${var.prefix}${var.names.database}", "/[^A-Za-z0-9]/", "")
  db_workload                 = "OLTP"
  db_version                  = var.database_version
  compute_model               = "ECPU"
  compute_count               = var.database_ecpus
  data_storage_size_in_gb     = var.database_storage_gb
  is_auto_scaling_enabled     = true
  is_mtls_connection_required = false
  subnet_id                   = local.subnet_ids[0]
  admin_password              = var.database_admin_password
  freeform_tags               = var.tags
}
