import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef, useState } from "preact/hooks";
import { Failure } from "./failure";

interface DialogProps {
  title: string;
  children: ComponentChildren;
  /** Escape; where there is none, the dialog stays. */
  onClose?: () => void;
}

/** The browser's modal dialog: it keeps the focus inside and gives it back at its end. */
export function Dialog({ title, children, onClose }: DialogProps) {
  const element = useRef<HTMLDialogElement>(null);
  const heading = useId();
  useEffect(() => {
    const dialog = element.current;
    const before = document.activeElement;
    dialog?.showModal();
    return () => {
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={element}
      aria-labelledby={heading}
      onCancel={(event) => {
        event.preventDefault();
        onClose?.();
      }}
      // Chromium closes at a second Escape whatever was said at the first.
      onKeyDown={(event) => {
        if (event.key !== "Escape") return;
        event.preventDefault();
        onClose?.();
      }}
    >
      <h2 id={heading}>{title}</h2>
      {children}
    </dialog>
  );
}

interface ConfirmProps {
  title: string;
  /** What will happen, in a sentence or two. */
  children: ComponentChildren;
  action: string;
  danger?: boolean;
  /** The dialog stays open, with the error, where this fails. */
  run: () => Promise<void>;
  onClose: () => void;
}

/** Asks before something is changed. The button that changes nothing has the focus. */
export function Confirm({ title, children, action, danger = false, run, onClose }: ConfirmProps) {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<unknown>(null);
  const confirm = async () => {
    setBusy(true);
    setError(null);
    try {
      await run();
      onClose();
    } catch (thrown) {
      setError(thrown);
      setBusy(false);
    }
  };
  return (
    <Dialog title={title} onClose={onClose}>
      <div class="dialog-text">{children}</div>
      {error !== null && <Failure error={error} />}
      <div class="dialog-buttons">
        <button type="button" autofocus onClick={onClose}>Cancel</button>
        <button type="button" class={danger ? "danger" : "primary"} disabled={busy} onClick={() => void confirm()}>
          {busy ? "Working…" : action}
        </button>
      </div>
    </Dialog>
  );
}
