"""The operator's console: pages, live queue and map."""

from __future__ import annotations

from fastapi import APIRouter

router = APIRouter()
