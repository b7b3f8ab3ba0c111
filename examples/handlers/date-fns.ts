/** date-fns: which day of business a record belongs to, in the function's time zone (`TZ`), said in words. */
import type { KinesisStreamEvent } from 'aws-lambda';
import { addBusinessDays, differenceInMinutes, format, formatDistance, parseISO, startOfDay } from 'date-fns';
import { de } from 'date-fns/locale';

export async function handler(event: KinesisStreamEvent): Promise<string[]> {
  return event.Records.map(({ kinesis }) => {
    const at = parseISO(Buffer.from(kinesis.data, 'base64').toString());
    const due = startOfDay(addBusinessDays(at, 1));
    const minutes = differenceInMinutes(due, at);
    return `${format(at, 'EEEE d MMMM yyyy HH:mm xxx', { locale: de })}, fällig ${formatDistance(due, at, { locale: de, addSuffix: true })} (${minutes} min)`;
  });
}
