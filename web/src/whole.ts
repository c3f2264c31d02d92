// Whole numbers as people read them. The browser's own formatter takes 15 ms to start, which is time before the page can be used.
export const whole = (value: number) => String(Math.round(value)).replace(/\B(?=(?:\d{3})+$)/g, ',');
