'use strict';
// Runs mediasoup's own ortc module over questions on stdin, one JSON object a line, and answers each with a line:
// {"ok": result} or {"error": class of what was thrown}.

const path = require('node:path');
const readline = require('node:readline');

const ortc = require('mediasoup/ortc');
const lib = path.dirname(require.resolve('mediasoup/ortc'));
const utils = require(path.join(lib, 'utils.js'));
const { parseScalabilityMode } = require(path.join(lib, 'scalabilityModesUtils.js'));
const h264 = require('h264-profile-level-id');

const FIRST_SSRC = 100000000;
const SSRC_STEP = 1000;

let nextSsrc = FIRST_SSRC;
utils.generateRandomNumber = () => {
	const ssrc = nextSsrc;
	nextSsrc += SSRC_STEP;
	return ssrc;
};

const questions = {
	router: ({ mediaCodecs }) => ortc.generateRouterRtpCapabilities(mediaCodecs),

	producer: ({ kind, params, caps }) => {
		ortc.validateAndNormalizeRtpParameters(params);
		const mapping = ortc.getProducerRtpParametersMapping(params, caps);
		const consumable = ortc.getConsumableRtpParameters(kind, params, caps, mapping);
		return { params, mapping, consumable };
	},

	canConsume: ({ consumable, caps }) => ortc.canConsume(consumable, caps),

	consumer: ({ consumable, caps, pipe, enableRtx }) => {
		ortc.validateAndNormalizeRtpCapabilities(caps);
		return ortc.getConsumerRtpParameters({
			consumableRtpParameters: consumable,
			remoteRtpCapabilities: caps,
			pipe,
			enableRtx,
		});
	},

	scalabilityMode: ({ text }) => parseScalabilityMode(text),

	h264: ({ ours, theirs }) => ({
		same: h264.isSameProfile(ours, theirs),
		answer: h264.isSameProfile(ours, theirs)
			? (h264.generateProfileLevelIdStringForAnswer(ours, theirs) ?? null)
			: null,
	}),
};

readline.createInterface({ input: process.stdin }).on('line', (line) => {
	nextSsrc = FIRST_SSRC;
	let answer;
	try {
		const { question, ...given } = JSON.parse(line);
		answer = { ok: questions[question](given) };
	} catch (error) {
		answer = { error: error.constructor.name };
	}
	process.stdout.write(`${JSON.stringify(answer)}\n`);
});
