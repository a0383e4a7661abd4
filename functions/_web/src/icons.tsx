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

export const Mark = () => (
  <svg viewBox="0 0 32 32" width="28" height="28" aria-hidden="true">
    <rect width="32" height="32" rx="9" fill="var(--accent)" />
    <path d="M9 10.5h14M9 16h9M9 21.5h5" stroke="var(--on-accent)" strokeWidth="3" strokeLinecap="round" />
  </svg>
);
