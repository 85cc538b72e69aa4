'use strict';

// A product service as it is usually written: Express, node-mongodb, and node-redis as a cache beside the database.

const express = require('express');
const { MongoClient, ObjectId } = require('mongodb');
const redis = require('redis');

const TTL_S = 60;

async function main() {
  const mongo = await MongoClient.connect(process.env.MONGO_URL, {
    useUnifiedTopology: true, poolSize: 16, writeConcern: { w: 'majority', j: true },
  });
  const products = mongo.db().collection('products');
  const cache = redis.createClient({ url: process.env.REDIS_URL });
  cache.on('error', (error) => console.error('redis:', error.message));
  await cache.connect();

  const app = express();
  app.disable('x-powered-by');
  app.use(express.json());

  app.get('/healthz', (req, res) => res.json({ status: 'ok' }));

  app.get('/v1/products/:id', async (req, res, next) => {
    try {
      const key = `product:${req.params.id}`;
      const cached = await cache.get(key);
      if (cached !== null) {
        return res.set('X-Cache', 'hit').type('json').send(cached);
      }
      if (!ObjectId.isValid(req.params.id)) return res.status(404).json({ error: 'not found' });
      const product = await products.findOne({ _id: new ObjectId(req.params.id) });
      if (!product) return res.status(404).json({ error: 'not found' });
      const body = JSON.stringify(present(product));
      await cache.set(key, body, { EX: TTL_S });
      return res.set('X-Cache', 'miss').type('json').send(body);
    } catch (error) {
      return next(error);
    }
  });

  app.post('/v1/products/:id/purchase', async (req, res, next) => {
    try {
      const quantity = req.body.quantity;
      if (!Number.isInteger(quantity) || quantity < 1) return res.status(422).json({ error: 'quantity' });
      if (!ObjectId.isValid(req.params.id)) return res.status(404).json({ error: 'not found' });
      const id = new ObjectId(req.params.id);
      const { value } = await products.findOneAndUpdate(
        { _id: id, 'stock.on_hand': { $gte: quantity } },
        {
          $inc: { 'stock.on_hand': -quantity, 'stock.available': -quantity, stock_version: 1 },
          $set: { updated_at: new Date() },
        },
        { returnOriginal: false },
      );
      if (!value) return res.status(409).json({ error: 'insufficient stock' });
      await cache.del(`product:${req.params.id}`);
      return res.status(201).json({ product: present(value) });
    } catch (error) {
      return next(error);
    }
  });

  const server = app.listen(Number(process.env.PORT), '127.0.0.1');
  process.on('SIGTERM', () => {
    server.close(async () => {
      await cache.quit();
      await mongo.close();
      process.exit(0);
    });
    // Keep-alive connections have no request under way; closing must not wait for their clients.
    if (server.closeIdleConnections) server.closeIdleConnections();
  });
}

function present({ _id, ...rest }) {
  return { id: _id.toHexString(), ...rest };
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
