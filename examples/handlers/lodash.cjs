/** lodash, required by a CommonJS handler: clicks counted by page, the most visited first. */
'use strict';
const _ = require('lodash');

/**
 * @typedef {{ page: string, user: string }} Click
 * @param {import('aws-lambda').KinesisStreamEvent} event
 * @param {import('aws-lambda').Context} _context
 * @param {import('aws-lambda').Callback<[string, number][]>} callback
 */
exports.handler = (event, _context, callback) => {
  const clicks = event.Records.map(
    ({ kinesis }) => /** @type {Click} */ (JSON.parse(Buffer.from(kinesis.data, 'base64').toString())),
  );
  const visits = _(clicks).uniqWith(_.isEqual).countBy('page').toPairs();
  callback(null, visits.orderBy([1, 0], ['desc', 'asc']).value());
};
