"""The peer of the HTTP API: FastAPI and uvicorn, a constant answer; no token, no database, no checks.

`python -m benchmarks.peers.bare_http PORT`.
"""

from __future__ import annotations

import sys

import uvicorn
from fastapi import FastAPI, Request

ANSWER = {"config_version": 1, "fixed_risk_percent": "3", "margin_buffer_percent": "20"}

app = FastAPI()


@app.get("/config")
async def read() -> dict[str, object]:
    """Answer at once."""
    return ANSWER


@app.post("/config")
async def change(request: Request) -> dict[str, object]:
    """Read the body and answer at once."""
    await request.json()
    return ANSWER


if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=int(sys.argv[1]), log_level="warning", access_log=False)
