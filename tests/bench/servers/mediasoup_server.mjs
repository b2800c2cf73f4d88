// A server made of mediasoup as its users make one, for the benchmark to drive: a JSON object a line on stdin is a
// request {id, method, ...}, each answered with a line {id, answer} or {id, error}. It ends with its stdin.
//
//     node mediasoup_server.mjs DIRECTORY WORKERS
//
// DIRECTORY is the one in whose node_modules mediasoup is; rooms go to the workers by turns.

import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';

const [directory, workerCount] = process.argv.slice(2);
const require = createRequire(path.join(path.resolve(directory), 'from-here.js'));
const mediasoup = require('mediasoup');

// Its own way of logging writes to stdout, which is for answers.
const log = (namespace, message) => console.error(namespace, message);
mediasoup.setLogEventListeners({ onwarn: log, onerror: log });

const LOOPBACK = '127.0.0.1';
// More than any load of the benchmark needs: how soon an estimate grows is not what is measured.
const INITIAL_BITRATE = 30_000_000;

const places = [];
const rooms = new Map();

const methods = {
	async start({ mediaCodecs }) {
		while (places.length < Number(workerCount)) {
			const worker = await mediasoup.createWorker({ logLevel: 'warn' });
			worker.on('died', () => process.exit(1));
			const webRtcServer = await worker.createWebRtcServer({ listenInfos: [{ protocol: 'udp', ip: LOOPBACK }] });
			places.push({ worker, webRtcServer, mediaCodecs });
		}
		return { version: mediasoup.version, workers: places.map(({ worker }) => worker.pid) };
	},

	async createRoom({ room }) {
		const { worker, webRtcServer, mediaCodecs } = places[rooms.size % places.length];
		const router = await worker.createRouter({ mediaCodecs });
		rooms.set(room, { router, webRtcServer, transports: new Map(), consumers: new Map() });
	},

	async createTransport({ room }) {
		const { router, webRtcServer, transports } = rooms.get(room);
		const transport = await router.createWebRtcTransport({
			webRtcServer,
			enableTcp: false,
			initialAvailableOutgoingBitrate: INITIAL_BITRATE,
		});
		transports.set(transport.id, transport);
		const { id, iceParameters, iceCandidates, dtlsParameters } = transport;
		return { transportId: id, iceParameters, iceCandidates, dtlsParameters };
	},

	async connectTransport({ room, transportId, dtlsParameters }) {
		await rooms.get(room).transports.get(transportId).connect({ dtlsParameters });
	},

	async produce({ room, transportId, kind, rtpParameters }) {
		const producer = await rooms.get(room).transports.get(transportId).produce({ kind, rtpParameters });
		return { id: producer.id };
	},

	async consume({ room, transportId, producerId, rtpCapabilities }) {
		const { transports, consumers } = rooms.get(room);
		const consumer = await transports.get(transportId).consume({ producerId, rtpCapabilities, paused: true });
		consumers.set(consumer.id, consumer);
		consumer.observer.on('close', () => consumers.delete(consumer.id));
		return { id: consumer.id, kind: consumer.kind, rtpParameters: consumer.rtpParameters };
	},

	async resume({ room, consumerId }) {
		await rooms.get(room).consumers.get(consumerId).resume();
	},

	async closeTransport({ room, transportId }) {
		const { transports } = rooms.get(room);
		transports.get(transportId).close();
		transports.delete(transportId);
	},

	async closeRoom({ room }) {
		rooms.get(room).router.close();
		rooms.delete(room);
	},
};

async function answered({ id, method, ...params }) {
	try {
		return { id, answer: (await methods[method](params)) ?? {} };
	} catch (error) {
		return { id, error: `${method}: ${error}` };
	}
}

function ended(worker) {
	return new Promise((resolve) => {
		worker.on('subprocessclose', resolve);
		worker.close();
	});
}

createInterface({ input: process.stdin })
	.on('line', async (line) => process.stdout.write(`${JSON.stringify(await answered(JSON.parse(line)))}\n`))
	.on('close', async () => {
		await Promise.all(places.map(({ worker }) => ended(worker)));
		process.exit(0);
	});
