/** ajv: JSON Schema, compiled to code with `new Function` when the module is loaded. */
import { Ajv } from 'ajv';

const ajv = new Ajv({ allErrors: true, coerceTypes: true, useDefaults: true });

/** @typedef {{ id: number, tags: string[], weight: number }} Parcel */
/** @type {import('ajv').ValidateFunction<Parcel>} */
const isParcel = ajv.compile({
  type: 'object',
  required: ['id', 'weight'],
  properties: {
    id: { type: 'integer', minimum: 1 },
    weight: { type: 'number', exclusiveMinimum: 0 },
    tags: { type: 'array', items: { type: 'string' }, default: [] },
  },
  additionalProperties: false,
});

/**
 * @param {import('aws-lambda').KinesisStreamEvent} event
 * @returns {Promise<{ parcels: Parcel[], refused: string[] }>}
 */
export async function handler(event) {
  /** @type {Parcel[]} */
  const parcels = [];
  /** @type {string[]} */
  const refused = [];
  for (const { kinesis } of event.Records) {
    const data = JSON.parse(Buffer.from(kinesis.data, 'base64').toString());
    if (isParcel(data)) parcels.push(data);
    else refused.push(ajv.errorsText(isParcel.errors, { dataVar: 'parcel' }));
  }
  return { parcels, refused };
}
