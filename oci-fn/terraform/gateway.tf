# For producers that have no way to Streaming: POST /v1/events with a token, one event or several. The
# function answers what became of them. Only where a subnet for it and an issuer of tokens are given.
locals {
  with_gateway = var.gateway != null && local.with_function
}

resource "oci_apigateway_gateway" "events" {
  count          = local.with_gateway ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-gateway"
  endpoint_type  = var.gateway.endpoint_type
  subnet_id      = var.gateway.subnet_id
  freeform_tags  = var.tags
}

resource "oci_apigateway_deployment" "events" {
  count          = local.with_gateway ? 1 : 0
  compartment_id = var.compartment_id
  display_name   = "${var.prefix}-events"
  gateway_id     = oci_apigateway_gateway.events[0].id
  path_prefix    = "/v1"
  freeform_tags  = var.tags
  depends_on     = [oci_identity_policy.pipeline]

  specification {
    request_policies {
      authentication {
        type                        = "JWT_AUTHENTICATION"
        token_header                = "Authorization"
        token_auth_scheme           = "Bearer"
        is_anonymous_access_allowed = false
        issuers                     = var.gateway.issuers
        audiences                   = var.gateway.audiences

        public_keys {
          type                        = "REMOTE_JWKS"
          uri                         = var.gateway.jwks_uri
          is_ssl_verify_disabled      = false
          max_cache_duration_in_hours = 1
        }
      }

      rate_limiting {
        rate_key                    = "CLIENT_IP"
        rate_in_requests_per_second = 20
      }
    }

    logging_policies {
      execution_log {
        is_enabled = true
        log_level  = "ERROR"
      }
    }

    routes {
      path    = "/events"
      methods = ["POST"]

      backend {
        type        = "ORACLE_FUNCTIONS_BACKEND"
        function_id = oci_functions_function.extract_features[0].id
      }
    }
  }
}
