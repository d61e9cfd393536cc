"""API Gateway's HTTP API in front of functions: routes, payload format 2.0, limits, CORS.

Follows the developer guide ("Working with HTTP APIs") and, where it is silent, what engineers
measured on the real service: paths are decoded before they are matched, forms arrive base64-coded,
and a function's answer without `statusCode` becomes the body as it is, whatever it is.
"""
