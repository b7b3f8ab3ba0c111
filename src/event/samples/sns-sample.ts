/** esm-semantics.md §2.6: always one record. */
import { MillraceError } from '../../errors.ts';
import { REGION, type SampleInput, arn, digest, uuid } from './sample-input.ts';

export function snsSample({ data, nowMs, name }: SampleInput) {
  const [bytes, ...more] = data;
  if (bytes === undefined || more.length > 0) {
    const hint = 'give one line, or run it once per line';
    throw new MillraceError('event-invalid', `an SNS event has one record, not ${data.length}`, { hint });
  }
  const topic = arn('sns', name);
  const EventSubscriptionArn = `${topic}:${uuid(name)}`;
  return {
    Records: [
      {
        EventSource: 'aws:sns',
        EventVersion: '1.0',
        EventSubscriptionArn,
        Sns: {
          Type: 'Notification',
          MessageId: uuid(name, nowMs, bytes),
          TopicArn: topic,
          Subject: null,
          Message: bytes.toString('utf8'),
          Timestamp: new Date(nowMs).toISOString(),
          SignatureVersion: '1',
          Signature: Buffer.from(digest(bytes)).toString('base64'),
          SigningCertUrl: `https://sns.${REGION}.amazonaws.com/SimpleNotificationService.pem`,
          UnsubscribeUrl: `https://sns.${REGION}.amazonaws.com/?Action=Unsubscribe&SubscriptionArn=${EventSubscriptionArn}`,
          MessageAttributes: {},
        },
      },
    ],
  };
}
