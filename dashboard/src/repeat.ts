const soonest = 1000;  // ms from one answer to the next question, however much changes

/** Does some work at once, and again `every` ms after it was done, or sooner where somebody hurries; without `every` only once. `work` does not fail. */
export class Repeat {
  private timer: ReturnType<typeof setTimeout> | undefined;
  private isBusy = false;
  private isLate = false;
  private isClosed = false;
  private doneAt = 0;

  constructor(
    private readonly work: () => Promise<void>,
    private readonly every: number | undefined,
  ) {
    void this.run();
  }

  /** Breaks nothing off: where much changes, work that takes long would never be done. */
  hurry(): void {
    if (this.isBusy) this.isLate = true;
    else this.plan(this.doneAt + soonest - Date.now());
  }

  close(): void {
    this.isClosed = true;
    clearTimeout(this.timer);
  }

  private async run(): Promise<void> {
    this.isBusy = true;
    this.isLate = false;
    await this.work();
    this.isBusy = false;
    this.doneAt = Date.now();
    this.plan(this.isLate ? soonest : Infinity);
  }

  private plan(wait: number): void {
    if (this.isClosed || this.every === undefined) return;
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.run(), Math.max(0, Math.min(wait, this.every)));
  }
}
