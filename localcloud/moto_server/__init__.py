"""moto behind a server of our own: one thread, one request at a time, and a quick DynamoDB.

moto's stock server runs requests in threads over backends that are not thread-safe, and spends
most of a DynamoDB call in Flask and in generic parsing and serialising. Here everything runs in
one event loop, so each request is atomic; DynamoDB's data plane calls moto's own operations
directly (`dynamodb`), and everything else goes through moto's dispatcher (`wsgi`).

Run as `python -m localcloud.moto_server --fd N`; `localcloud.moto` starts and stops it.
"""

HEALTH = "/_localcloud/health"
