// nodemailer as a newsletter program would use it: node nodemailer.js JOB.json
// The letter is cut at its slots once and put together for each recipient of a CSV; nodemailer
// makes the MIME message, signs it when it is given a key, and sends it by its own pool, which is
// topped up when it says it is idle. Prints what was sent, as JSON.
'use strict';
const crypto = require('node:crypto');
const fs = require('node:fs');
const path = require('node:path');

const job = JSON.parse(fs.readFileSync(process.argv[2], 'utf8'));
const nodemailer = require(path.join(job.modules, 'nodemailer'));

// "Dear {{ name }}" becomes ["Dear ", "name", ""]: every second part is a slot.
const cut = (template) => template.split(/\{\{ (\w+) \}\}/);
const fill = (parts, person) => {
	let text = parts[0];
	for (let i = 1; i < parts.length; i += 2)
		text += person[parts[i]] + parts[i + 1];
	return text;
};
const html = cut(job.html), text = cut(job.text), subject = cut(job.subject);

const [names, ...rows] = fs.readFileSync(job.list, 'utf8').trim().split('\n')
	.map((line) => line.split(','));

const letter = (row, index) => {
	const person = Object.fromEntries(names.map((name, i) => [name, row[i]]));
	const token = `${index}-${job.run}`;
	person.unsubscribe_url = `https://news.test/u/${token}`;
	return {
		envelope: { from: `b+${token}@bounce.test`, to: person.email },
		from: { name: 'News', address: 'news@news.test' },
		to: person.email,
		subject: fill(subject, person),
		messageId: `<${token}@bounce.test>`,
		headers: {
			'List-Unsubscribe': `<${person.unsubscribe_url}>, ` +
				`<mailto:u-${token}@bounce.test?subject=unsubscribe>`,
			'List-Unsubscribe-Post': 'List-Unsubscribe=One-Click',
			'List-Id': '<letters.news.test>',
			'Feedback-ID': `${job.run}:bench:news:nodemailer`,
		},
		text: fill(text, person),
		html: fill(html, person),
	};
};

const transport = nodemailer.createTransport({
	pool: true,
	host: job.host,
	port: job.port,
	name: 'out.news.test',
	ignoreTLS: true,
	maxConnections: job.connections,
	maxMessages: Infinity,
	dkim: job.key && {
		domainName: job.domain,
		keySelector: job.selector,
		// Its manual has the key as PEM text, which is parsed for every message; a key object also
		// works, and job.held asks for that.
		privateKey: job.held ? crypto.createPrivateKey(fs.readFileSync(job.key)) :
			fs.readFileSync(job.key, 'utf8'),
	},
});

let next = 0, sent = 0, failed = 0;
const ended = (error) => {
	if (error) {
		failed++;
		console.error(error.message);
	} else {
		sent++;
	}
	if (sent + failed === rows.length) {
		transport.close();
		console.log(JSON.stringify({ sent, failed }));
		process.exitCode = failed ? 1 : 0;
	}
};
transport.on('idle', () => {
	while (next < rows.length && transport.isIdle())
		transport.sendMail(letter(rows[next], next++), ended);
});
