/** Numbers and times as the admin area shows them, in the reader's own way of writing. */
import { adminText } from '@/lib/admin-text';

const { none } = adminText.peer;
const oneDigit = new Intl.NumberFormat(undefined, { maximumFractionDigits: 1 });
const moment = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'short' });
const precise = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium', timeStyle: 'medium' });
const day = new Intl.DateTimeFormat(undefined, { dateStyle: 'medium' });

export const milliseconds = (value: number | null) => (value === null ? none : `${oneDigit.format(value)} ms`);
export const percent = (value: number | null) => (value === null ? none : `${oneDigit.format(value)} %`);
export const bitrate = (value: number) => `${oneDigit.format(value / 1000)} kbit/s`;
export const dateTime = (iso: string) => moment.format(new Date(iso));
export const exactTime = (iso: string) => precise.format(new Date(iso));
export const date = (iso: string) => day.format(new Date(iso));
