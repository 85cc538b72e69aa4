'use strict';

// A product service as it is usually written: Express, node-mongodb, and node-redis as a cache beside the database.
// One process per core, each request logged, purchases once for each Idempotency-Key. README.md says what is fair.

const cluster = require('cluster');
const fs = require('fs');
const os = require('os');
const express = require('express');
const { MongoClient, ObjectId } = require('mongodb');
const morgan = require('morgan');
const redis = require('redis');

const TTL_S = 60;
const DUPLICATE_KEY = 11000;
const WORKERS = Number(process.env.WORKERS || os.cpus().length);

async function serve() {
  const mongo = await MongoClient.connect(process.env.MONGO_URL, {
    useUnifiedTopology: true, poolSize: Number(process.env.POOL || 16), writeConcern: { w: 'majority', j: true },
  });
  const products = mongo.db().collection('products');
  const purchases = mongo.db().collection('purchases');
  await purchases.createIndex({ key: 1 }, { unique: true, sparse: true });
  const cache = redis.createClient({ url: process.env.REDIS_URL });
  cache.on('error', (error) => console.error('redis:', error.message));
  await cache.connect();

  const app = express();
  app.disable('x-powered-by');
  // Standard output is a file, which Node would write to while everything else waits; as a stream it does not.
  if (process.env.LOG) {
    app.use(morgan('combined', { stream: fs.createWriteStream(process.env.LOG, { flags: 'a' }) }));
  }
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
      const key = req.get('Idempotency-Key');
      const earlier = key && await purchases.findOne({ key });
      if (earlier) return replay(res, earlier);

      const { value } = await products.findOneAndUpdate(
        { _id: id, 'stock.on_hand': { $gte: quantity } },
        {
          $inc: { 'stock.on_hand': -quantity, 'stock.available': -quantity, stock_version: 1 },
          $set: { updated_at: new Date() },
        },
        { returnOriginal: false },
      );
      if (!value) return res.status(409).json({ error: 'insufficient stock' });

      const answer = { product: present(value) };
      if (key) {
        try {
          await purchases.insertOne({ key, product: id, quantity, answer, at: new Date() });
        } catch (error) {
          if (error.code !== DUPLICATE_KEY) throw error;
          // The same key at the same moment: the units go back, and the first one's answer counts.
          await products.updateOne(
            { _id: id },
            { $inc: { 'stock.on_hand': quantity, 'stock.available': quantity, stock_version: 1 } },
          );
          return replay(res, await purchases.findOne({ key }));
        }
      }
      await cache.del(`product:${req.params.id}`);
      return res.status(201).json(answer);
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

function replay(res, { answer }) {
  return res.status(201).set('Idempotent-Replayed', 'true').json(answer);
}

function supervise() {
  let isStopping = false;
  for (let number = 0; number < WORKERS; number += 1) cluster.fork();
  cluster.on('exit', (worker, code) => {
    // A contestant that lost a process would be measured as something else.
    if (!isStopping || code !== 0) process.exit(1);
    if (Object.keys(cluster.workers).length === 0) process.exit(0);
  });
  process.on('SIGTERM', () => {
    isStopping = true;
    for (const worker of Object.values(cluster.workers)) worker.process.kill('SIGTERM');
  });
}

if (WORKERS > 1 && cluster.isMaster) {
  supervise();
} else {
  serve().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}
