// A Haraka plugin for tests: refuses recipients that begin with `bad`, and stores every message in
// the Maildir $STORE with its envelope on top, as other servers do.
'use strict';
const fs = require('node:fs');
const path = require('node:path');

exports.hook_rcpt = (next, connection, params) =>
	params[0].user.startsWith('bad') ? next(DENY, 'no such mailbox') : next(OK);

exports.hook_queue = (next, connection) => {
	const transaction = connection.transaction;
	const name = `${transaction.uuid}.haraka`;
	const writing = path.join(process.env.STORE, 'tmp', name);
	const file = fs.createWriteStream(writing);
	file.write(`Return-Path: <${transaction.mail_from.address()}>\n` +
		`Delivered-To: ${transaction.rcpt_to.map((to) => to.address()).join(', ')}\n`);
	file.on('error', () => next(DENYSOFT, 'the store is broken'));
	file.on('finish', () => {
		fs.renameSync(writing, path.join(process.env.STORE, 'new', name));
		next(OK, 'queued');
	});
	transaction.message_stream.pipe(file, { line_endings: '\n' });
};
