"""`/widget/v1.js`."""

from pathlib import Path

from flask import Blueprint, Response, send_file

widget = Blueprint("widget", __name__)

_MODULE = Path(__file__).with_name("v1.js")


@widget.get("/widget/v1.js")
def module() -> Response:
    """The widget; a browser asks again after an hour, so that all pages get a new one soon."""
    return send_file(_MODULE, "text/javascript", max_age=3600)
