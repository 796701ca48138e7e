export default function Page() { return <h1>a page of Next.js 11</h1> }
