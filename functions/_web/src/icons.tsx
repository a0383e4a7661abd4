import type { ReactNode } from "react";

function Icon({ children }: { children: ReactNode }) {
  return (
    <svg
      viewBox="0 0 20 20"
      width="20"
      height="20"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.75"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
    >
      {children}
    </svg>
  );
}

export const MenuIcon = () => <Icon><path d="M3 5.5h14M3 10h14M3 14.5h9" /></Icon>;
export const PlusIcon = () => <Icon><path d="M10 4v12M4 10h12" /></Icon>;
export const SendIcon = () => <Icon><path d="M10 16V4.5M5 9l5-5 5 5" /></Icon>;
export const PencilIcon = () => <Icon><path d="M12.5 4.5l3 3L7 16H4v-3z" /></Icon>;
export const DownIcon = () => <Icon><path d="M10 4v11.5M5 11l5 5 5-5" /></Icon>;
export const AlertIcon = () => (
  <Icon><circle cx="10" cy="10" r="7" /><path d="M10 6.5v4.2M10 13.4v.1" /></Icon>
);

export const StopIcon = () => (
  <Icon><rect x="5.5" y="5.5" width="9" height="9" rx="1.5" fill="currentColor" /></Icon>
);
export const RetryIcon = () => <Icon><path d="M15.5 8A6 6 0 1 0 16 11M16 4v4h-4" /></Icon>;
export const CheckIcon = () => <Icon><path d="M4.5 10.5l3.5 3.5 7.5-8" /></Icon>;
export const ChevronIcon = () => <Icon><path d="M7.5 5l5 5-5 5" /></Icon>;
export const CopyIcon = () => (
  <Icon><rect x="7" y="7" width="9" height="9" rx="2" /><path d="M13 4.5H6A1.5 1.5 0 0 0 4.5 6v7" /></Icon>
);
export const GaugeIcon = () => <Icon><path d="M3.5 14.5a6.5 6.5 0 1 1 13 0M10 14l3-4.5" /></Icon>;
export const CloseIcon = () => <Icon><path d="M5 5l10 10M15 5L5 15" /></Icon>;
export const Spinner = () => (
  <svg className="spinner" viewBox="0 0 20 20" width="20" height="20" aria-hidden="true">
    <circle cx="10" cy="10" r="7" fill="none" stroke="currentColor" strokeWidth="2" opacity="0.25" />
    <path d="M17 10a7 7 0 0 0-7-7" fill="none" stroke="currentColor" strokeWidth="2" strokeLinecap="round" />
  </svg>
);

export const Mark = () => (
  <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
    <rect width="32" height="32" rx="9" fill="var(--accent)" />
    <path d="M9 10.5h14M9 16h9M9 21.5h5" stroke="var(--on-accent)" strokeWidth="3" strokeLinecap="round" />
  </svg>
);
