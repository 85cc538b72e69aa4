"""A product service as it is usually written in Python: FastAPI, pymongo's async client, and redis-py as a cache.

uvicorn runs it, a worker per core, and logs each request; ../README.md says how, and what is fair about it.
"""

import os
from contextlib import asynccontextmanager
from datetime import datetime, timezone
from typing import Annotated

import redis.asyncio
from bson import ObjectId
from fastapi import FastAPI, Header, HTTPException, Response
from pydantic import BaseModel, Field
from pydantic_core import to_json
from pymongo import AsyncMongoClient, ReturnDocument
from pymongo.errors import DuplicateKeyError

TTL_S = 60


class Purchase(BaseModel):
    quantity: int = Field(ge=1)


@asynccontextmanager
async def lifespan(app: FastAPI):
    mongo = AsyncMongoClient(
        os.environ["MONGO_URL"], maxPoolSize=int(os.environ.get("POOL", "16")), w="majority", journal=True)
    app.state.products = mongo.get_default_database().products
    app.state.purchases = mongo.get_default_database().purchases
    await app.state.purchases.create_index("key", unique=True, sparse=True)
    # An ordinary pool refuses the 101st that wants a connection at once; in this one they wait for it.
    pool = redis.asyncio.BlockingConnectionPool.from_url(os.environ["REDIS_URL"], max_connections=50, timeout=None)
    app.state.cache = redis.asyncio.Redis.from_pool(pool)
    yield
    await app.state.cache.aclose()
    await mongo.close()


app = FastAPI(lifespan=lifespan, openapi_url=None)


@app.get("/healthz")
async def healthz():
    return {"status": "ok"}


@app.get("/v1/products/{product_id}")
async def read(product_id: str):
    key = f"product:{product_id}"
    cached = await app.state.cache.get(key)
    if cached is not None:
        return Response(cached, media_type="application/json", headers={"X-Cache": "hit"})
    product = await app.state.products.find_one({"_id": object_id(product_id)})
    if product is None:
        raise HTTPException(404, "not found")
    body = to_json(present(product))
    await app.state.cache.set(key, body, ex=TTL_S)
    return Response(body, media_type="application/json", headers={"X-Cache": "miss"})


@app.post("/v1/products/{product_id}/purchase")
async def purchase(product_id: str, wanted: Purchase, idempotency_key: Annotated[str | None, Header()] = None):
    products, purchases = app.state.products, app.state.purchases
    product_key = object_id(product_id)
    if idempotency_key and (earlier := await purchases.find_one({"key": idempotency_key})):
        return replay(earlier)
    taken = {"stock.on_hand": -wanted.quantity, "stock.available": -wanted.quantity, "stock_version": 1}
    product = await products.find_one_and_update(
        {"_id": product_key, "stock.on_hand": {"$gte": wanted.quantity}},
        {"$inc": taken, "$set": {"updated_at": datetime.now(timezone.utc)}},
        return_document=ReturnDocument.AFTER)
    if product is None:
        raise HTTPException(409, "insufficient stock")
    answer = {"product": present(product)}
    if idempotency_key:
        try:
            await purchases.insert_one({
                "key": idempotency_key, "product": product_key, "quantity": wanted.quantity, "answer": answer,
                "at": datetime.now(timezone.utc)})
        except DuplicateKeyError:
            # The same key at the same moment: the units go back, and the first one's answer counts.
            given = {"stock.on_hand": wanted.quantity, "stock.available": wanted.quantity, "stock_version": 1}
            await products.update_one({"_id": product_key}, {"$inc": given})
            return replay(await purchases.find_one({"key": idempotency_key}))
    await app.state.cache.delete(f"product:{product_id}")
    return Response(to_json(answer), 201, media_type="application/json")


def object_id(text: str) -> ObjectId:
    if not ObjectId.is_valid(text):
        raise HTTPException(404, "not found")
    return ObjectId(text)


def present(product: dict) -> dict:
    return {"id": str(product.pop("_id")), **product}


def replay(purchase: dict) -> Response:
    headers = {"Idempotent-Replayed": "true"}
    return Response(to_json(purchase["answer"]), 201, headers, media_type="application/json")
